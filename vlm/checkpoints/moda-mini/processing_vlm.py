"""Pictures and text in, model inputs out."""

from transformers import ProcessorMixin

# One user line, one assistant line; the picture's places stand before the words it is asked about.
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
    """An image processor and a tokenizer; each `<image>` becomes `num_image_tokens` places."""

    def __init__(
        self,
        image_processor=None,
        tokenizer=None,
        num_image_tokens: int = 1,
        image_token: str = "<image>",
        chat_template: str | None = None,
    ):
        # every saved field must be named here: transformers drops the others on reload
        self.num_image_tokens, self.image_token = num_image_tokens, image_token
        self.image_token_id = tokenizer.convert_tokens_to_ids(image_token)
        super().__init__(image_processor, tokenizer, chat_template=chat_template or CHAT_TEMPLATE)

    def replace_image_token(self, image_inputs: dict, image_idx: int, **kwargs) -> str:
        """The text that takes the place of one `<image>`."""
        return self.image_token * self.num_image_tokens
