"""The trainer callback: it collects, it never seals.

At ``on_train_end`` the final adapter is not on disk yet, and ``on_save`` comes after the push of a
checkpoint was launched (trap T16), so the card is made by ``Run.seal`` afterwards. What only a
callback can see is that training was resumed, when it began, and the model before its first step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from transformers import TrainerCallback  # noqa: TID253 - this module is imported only when training

if TYPE_CHECKING:
    from ftlineage.record.run import Run


class LineageCallback(TrainerCallback):
    """Given to a trainer by ``callbacks=[run.callback()]``."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Check what is about to be trained, while it is cheap to stop."""
        self._run.training_begins(
            args=args,
            model=kwargs.get("model"),
            processor=kwargs.get("processing_class"),
            first_step=int(state.global_step),
        )

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Note that training reached its end."""
        self._run.training_ends()
