"""A fine-tuning of three steps."""

from __future__ import annotations

from bench.finetune.settings import Finetune, Keep, Precision, SelectBy


def recipe(max_support: int = 8192, max_query: int = 1024, query_share: float = 0.2) -> Finetune:
    return Finetune(
        steps=3,
        lr=1e-3,
        warmup_steps=1,
        weight_decay=0.0,
        clip_norm=1.0,
        patience=3,
        eval_every=1,
        select_by=SelectBy.log_loss,
        keep=Keep.best,
        precision=Precision.float32,
        query_share=query_share,
        max_support=max_support,
        max_query=max_query,
        slice_logits=True,
    )
