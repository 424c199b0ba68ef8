"""Small live processors for the preprocessing tests; run as a program it prints what it observes."""

from __future__ import annotations

import os
import sys

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] | trim }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
DATED = "{% if strftime_now is defined %}Today: {{ strftime_now('%d %b %Y') }}{% endif %}\n" + CHATML
NO_SYSTEM = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system role') }}{% endif %}" + CHATML
IMAGES = (
    "{% for message in messages %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image>{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
)


def tokenizer(**kwargs):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: index for index, token in enumerate(["<unk>", "<s>", "</s>", "<pad>", *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2), ("<pad>", 3), ("<unk>", 0)]
    )
    settings = {"unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>", "pad_token": "<pad>"}
    return PreTrainedTokenizerFast(tokenizer_object=backend, **{**settings, "chat_template": CHATML, **kwargs})


def image_processor(**kwargs):
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    return CLIPImageProcessorPil(**kwargs)


def processor(*, chat_template=IMAGES, **kwargs):
    from transformers import LlavaProcessor

    text = tokenizer(**kwargs)
    text.add_tokens(["<image>"], special_tokens=True)
    text.image_token = "<image>"
    return LlavaProcessor(
        image_processor=image_processor(),
        tokenizer=text,
        patch_size=14,
        vision_feature_select_strategy="default",
        chat_template=chat_template,
    )


if __name__ == "__main__":
    from ftlineage.core import codec
    from ftlineage.sources.preprocessing import observe_preprocessing

    os.environ["HF_HUB_OFFLINE"] = "1"
    seen = observe_preprocessing([processor(extra_special_tokens=["<a>", "<b>"])])
    sys.stdout.buffer.write(codec.canonical_bytes(codec.builtins(seen)))
