"""Turns images and text into model inputs."""

from transformers import ProcessorMixin

# One user turn, one assistant turn; the image comes before the question about it.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' }}"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>' }}"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{% endif %}"
    "{{ '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


class VlmProcessor(ProcessorMixin):
    """An image processor and a tokenizer; each `<image>` expands to `num_image_tokens` tokens."""

    def __init__(
        self,
        image_processor=None,
        tokenizer=None,
        num_image_tokens: int = 1,
        image_token: str = "<image>",
        chat_template: str | None = None,
    ):
        # name every saved field here: transformers drops all others on reload
        self.num_image_tokens, self.image_token = num_image_tokens, image_token
        self.image_token_id = tokenizer.convert_tokens_to_ids(image_token)
        super().__init__(image_processor, tokenizer, chat_template=chat_template or CHAT_TEMPLATE)

    def replace_image_token(self, image_inputs: dict, image_idx: int, **kwargs) -> str:
        """The text that replaces one `<image>`."""
        return self.image_token * self.num_image_tokens
