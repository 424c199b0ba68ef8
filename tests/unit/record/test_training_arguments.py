"""Arguments as a card has them; the classes are transformers' and TRL's own."""

import dataclasses
from typing import Any

import pytest

from ftlineage.record.training_arguments import differing_arguments

pytestmark = pytest.mark.heavy


def arguments(kind: str, **changes: Any) -> Any:
    """An instance as a user on a CPU makes it."""
    import transformers
    import trl

    module = transformers if kind == "TrainingArguments" else trl
    return getattr(module, kind)(output_dir="out/here", **{"bf16": False, **changes})


@pytest.mark.filterwarnings("ignore:`gradient_checkpointing` is deprecated:FutureWarning")
@pytest.mark.parametrize("kind", ["TrainingArguments", "SFTConfig", "DPOConfig"])
def test_untouched_arguments_are_left_out(kind):
    found = differing_arguments(arguments(kind))
    # TRL declares "auto" and puts in what the machine needs.
    assert found.pop("pad_to_multiple_of", None) is None
    assert found == {"bf16": False, "fp16": False}


def test_what_was_set_is_recorded():
    found = differing_arguments(
        arguments(
            "TrainingArguments",
            learning_rate=3e-4,
            lr_scheduler_type="cosine",
            optim="adamw_torch",
            activation_checkpointing=True,
            max_grad_norm=0.5,
            save_strategy="no",
        )
    )
    assert found == {
        "activation_checkpointing": True,
        "bf16": False,
        "fp16": False,
        "learning_rate": 3e-4,
        "lr_scheduler_type": "cosine",
        "max_grad_norm": 0.5,
        "optim": "adamw_torch",
        "save_strategy": "no",
    }


def test_an_object_of_settings_is_what_in_it_differs():
    found = differing_arguments(arguments("TrainingArguments", accelerator_config={"split_batches": True}))
    assert found["accelerator_config"] == {"split_batches": True}


def test_trl_declares_checkpointing_under_its_old_name():
    assert (
        differing_arguments(arguments("SFTConfig", activation_checkpointing=False))["activation_checkpointing"] is False
    )


def test_seeds_places_and_names_are_not_arguments():
    found = differing_arguments(
        arguments(
            "TrainingArguments",
            seed=7,
            data_seed=8,
            run_name="ann's run",
            hub_model_id="ann/model",
            hub_token="hf_0123456789abcdefghij",
            report_to="none",
            logging_steps=3,
        )
    )
    assert found == {"bf16": False, "fp16": False}


def test_paths_and_secrets_are_struck_out():
    @dataclasses.dataclass
    class Arguments:
        cache: str = "none"
        api_key: str | None = None
        words: list[str] = dataclasses.field(default_factory=list)

    found = differing_arguments(Arguments(cache="/home/ann/cache", api_key="abc", words=["hf_0123456789abcdefghij"]))
    assert found == {"api_key": "[secret]", "cache": "cache", "words": ["[secret]"]}


def test_other_objects_have_no_arguments():
    assert differing_arguments(object()) == {}


def test_looking_leaves_the_state_of_accelerate_alone():
    """Building a second instance would reset it, and a run on two processes would go on alone."""
    from accelerate.state import PartialState

    args = arguments("TrainingArguments", use_cpu=True)
    state = dict(PartialState._shared_state)
    assert state
    differing_arguments(args)
    assert dict(PartialState._shared_state) == state
