"""Tiny models that are real ones: a Llama, a BERT and a ViT of two layers, made in seconds without a network.

Used by the demo, the recipes' tests and users' own tests, to be pushed to a LocalHub or loaded
from their folder. Equal arguments give equal bytes on one kind of CPU (trap T12): seeds are set inside and
the caller's random state is left alone. They are not good at anything; ``pretrain_steps`` makes
the causal one a model of its text instead of noise.
"""

from __future__ import annotations

import contextlib
import itertools
import string
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ftlineage.errors import MissingExtraError

HIDDEN = 64
LAYERS = 2
HEADS = 4
CONTEXT = 256
VOCABULARY = 512
IMAGE_SIZE = 32
PATCH_SIZE = 8

#: ChatML, the most common form; every special token in it is one token of the vocabulary.
CHAT_TEMPLATE = """\
{%- for message in messages %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\\n' }}
{%- endif %}
"""

_START, _END, _PAD = "<|im_start|>", "<|im_end|>", "<|pad|>"
_PRETRAIN_BATCH, _PRETRAIN_LENGTH, _PRETRAIN_RATE = 16, 64, 4e-3
_SHARD = "model.safetensors"


def example_text() -> list[str]:
    """A few hundred plain sentences of customer support, the same ones every time."""
    things = ("card", "account", "order", "parcel", "refund", "password", "invoice", "transfer")
    troubles = ("is late", "was declined", "does not work", "is missing", "was charged twice", "looks wrong")
    openings = ("My {} {}.", "Hello, my {} {}, what can I do?", "Why is it that my {} {}?")
    answers = ("I am sorry that your {} {}.", "We will look at your {} today.", "Please send us the number of your {}.")
    questions = [
        opening.format(thing, trouble) for thing, trouble, opening in itertools.product(things, troubles, openings)
    ]
    replies = [answer.format(thing, "has a problem") for thing, answer in itertools.product(things, answers)]
    return [*questions, *replies]


def build_tiny_causal(
    folder: str | Path, *, seed: int = 0, text: Iterable[str] | None = None, pretrain_steps: int = 0
) -> Path:
    """Save a Llama of two layers, 64 wide, with a BPE tokenizer and a chat template.

    Args:
        folder: Where; made if missing.
        seed: Of the weights and of the pretraining order.
        text: What the tokenizer and the pretraining learn from; support sentences by default.
        pretrain_steps: Optimizer steps on ``text`` (16 windows of 64 tokens each); about 20 ms a step on one core.

    Returns:
        The folder.

    Raises:
        MissingExtraError: torch or transformers is not installed.
    """
    transformers = _transformers()
    sentences = list(example_text() if text is None else text)
    tokenizer = _chat_tokenizer(sentences)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=HEADS // 2,
        max_position_embeddings=CONTEXT,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    with _seeded(seed):
        model = transformers.LlamaForCausalLM(config)
        if pretrain_steps:
            lines = (tokenizer(f"{sentence}\n").input_ids for sentence in sentences)
            _pretrain(model, list(itertools.chain.from_iterable(lines)), pretrain_steps)
    return _save(Path(folder), model, tokenizer)


def build_tiny_encoder(
    folder: str | Path, *, seed: int = 0, text: Iterable[str] | None = None, labels: Sequence[str] = ()
) -> Path:
    """Save a BERT of two layers, 64 wide, with a WordPiece tokenizer.

    Args:
        folder: Where; made if missing.
        seed: Of the weights.
        text: What the tokenizer learns from; support sentences by default.
        labels: With some, a sequence classifier with these classes; without, a bare encoder.

    Returns:
        The folder.

    Raises:
        MissingExtraError: torch or transformers is not installed.
    """
    transformers = _transformers()
    tokenizer = _word_tokenizer(list(example_text() if text is None else text))
    config = transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        max_position_embeddings=CONTEXT,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
        **_label_maps(labels),
    )
    kind = transformers.BertForSequenceClassification if labels else transformers.BertModel
    with _seeded(seed):
        model = kind(config)
    return _save(Path(folder), model, tokenizer)


def build_tiny_vision(folder: str | Path, *, seed: int = 0, labels: Sequence[str] = ("0", "1")) -> Path:
    """Save a ViT classifier of two layers for 32 x 32 pixels, with its image processor (PIL, no torchvision).

    Args:
        folder: Where; made if missing.
        seed: Of the weights.
        labels: Names of the classes.

    Returns:
        The folder.

    Raises:
        MissingExtraError: torch, transformers or Pillow is not installed.
    """
    transformers = _transformers("PIL")
    config = transformers.ViTConfig(
        hidden_size=HIDDEN,
        intermediate_size=2 * HIDDEN,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        image_size=IMAGE_SIZE,
        patch_size=PATCH_SIZE,
        dtype="float32",
        **_label_maps(labels),
    )
    with _seeded(seed):
        model = transformers.ViTForImageClassification(config)
    processor = transformers.ViTImageProcessorPil(size={"height": IMAGE_SIZE, "width": IMAGE_SIZE})
    return _save(Path(folder), model, processor)


# --- tokenizers --------------------------------------------------------------------------------


def _chat_tokenizer(sentences: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[_PAD, _START, _END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    raw.train_from_iterator(sentences, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        bos_token=_START,
        eos_token=_END,
        pad_token=_PAD,
        model_max_length=CONTEXT,
        chat_template=CHAT_TEMPLATE,
    )


def _word_tokenizer(sentences: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    normalizer = normalizers.BertNormalizer(lowercase=True)
    splitter = pre_tokenizers.BertPreTokenizer()
    words = [word for line in sentences for word, _ in splitter.pre_tokenize_str(normalizer.normalize_str(line))]
    vocabulary = {piece: index for index, piece in enumerate([*special, *_pieces(words, VOCABULARY - len(special))])}
    raw = Tokenizer(models.WordPiece(vocab=vocabulary, unk_token="[UNK]"))  # noqa: S106 - a token of a vocabulary
    raw.normalizer, raw.pre_tokenizer, raw.decoder = normalizer, splitter, decoders.WordPiece()
    raw.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[(name, vocabulary[name]) for name in ("[CLS]", "[SEP]")],
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=raw,
        unk_token="[UNK]",  # noqa: S106 - tokens of a vocabulary, here and below
        sep_token="[SEP]",  # noqa: S106
        pad_token="[PAD]",  # noqa: S106
        cls_token="[CLS]",  # noqa: S106
        mask_token="[MASK]",  # noqa: S106
        model_max_length=CONTEXT,
    )


def _pieces(words: list[str], limit: int) -> list[str]:
    """Letters, letters inside words, then the most frequent words.

    Chosen here because the library's own WordPiece trainer breaks ties by hash order: three
    processes learned three vocabularies from one text (tokenizers 0.23).
    """
    letters = sorted({sign for word in words for sign in word} | set(string.ascii_lowercase + string.digits))
    inside = [f"##{sign}" for sign in letters]
    frequent = sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))
    return list(dict.fromkeys([*letters, *inside, *(word for word, _ in frequent)]))[:limit]


# --- weights -----------------------------------------------------------------------------------


def _pretrain(model: Any, tokens: list[int], steps: int) -> None:
    """Next-token training on random windows of one long text."""
    import torch

    stream = torch.tensor(tokens * (1 + (_PRETRAIN_LENGTH + 1) // len(tokens)))
    optimizer = torch.optim.AdamW(model.parameters(), lr=_PRETRAIN_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=_PRETRAIN_RATE, total_steps=steps)
    model.train()
    for _ in range(steps):
        starts = torch.randint(len(stream) - _PRETRAIN_LENGTH, (_PRETRAIN_BATCH,))
        batch = torch.stack([stream[start : start + _PRETRAIN_LENGTH] for start in starts.tolist()])
        model(input_ids=batch, labels=batch).loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()


def _label_maps(labels: Sequence[str]) -> dict[str, Any]:
    if not labels:
        return {}
    return {"id2label": dict(enumerate(labels)), "label2id": {label: index for index, label in enumerate(labels)}}


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """A random state and thread count of its own: both decide the bytes (trap T12), neither is the caller's."""
    import torch

    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)


def _save(folder: Path, model: Any, processor: Any) -> Path:
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    # transformers leaves weights readable by their owner only (trap T21).
    (folder / _SHARD).chmod(0o644)
    return folder


def _transformers(*also: str) -> Any:
    import importlib

    for package in ("torch", "tokenizers", *also):
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise MissingExtraError(package=package, purpose="tiny models", extra="train") from error
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise MissingExtraError(package="transformers", purpose="tiny models", extra="train") from error
