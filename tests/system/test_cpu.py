"""Attention by matrix products on a CPU."""

import torch
from torch.nn.functional import scaled_dot_product_attention

from vlm.system import cpu

QUERY, KEY, VALUE = torch.randn(3, 2, 4, 5, 8, generator=torch.Generator().manual_seed(0))
MASK = torch.tril(torch.ones(5, 5, dtype=torch.bool))


def kernels() -> set[str]:
    """Return the names of what torch runs for masked attention."""
    with torch.profiler.profile() as profile:
        scaled_dot_product_attention(QUERY, KEY, VALUE, attn_mask=MASK)
    return {event.key for event in profile.key_averages()}


def test_a_cpu_multiplies_matrices_and_afterwards_torch_chooses_again() -> None:
    before = kernels()
    with cpu.attention_by_products(torch.device("cpu"), bf16=True):
        inside = kernels()
    assert "aten::bmm" in inside and "aten::bmm" not in before
    assert kernels() == before


def test_the_result_is_the_same() -> None:
    fused = scaled_dot_product_attention(QUERY, KEY, VALUE, attn_mask=MASK)
    with cpu.attention_by_products(torch.device("cpu"), bf16=True):
        products = scaled_dot_product_attention(QUERY, KEY, VALUE, attn_mask=MASK)
    torch.testing.assert_close(products, fused)


def test_a_gpu_keeps_its_kernels() -> None:
    with cpu.attention_by_products(torch.device("cuda"), bf16=True):
        assert torch.backends.cuda.flash_sdp_enabled()


def test_float32_keeps_its_kernels() -> None:
    with cpu.attention_by_products(torch.device("cpu"), bf16=False):
        assert torch.backends.cuda.flash_sdp_enabled()
