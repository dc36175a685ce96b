"""What the tests of training by several processes run in each of them.

    accelerate launch --multi_gpu --num_processes 2 -m tests.core.training.accelerate_program TABLE BASE FOLDER

Training is interrupted in all processes at step 53 and resumed from the checkpoint at step 50.
"""

import json
import os
import sys
from pathlib import Path

SETTINGS = {
    "epochs": 6,
    "traits": 8,
    "frozen_layers": 0,
    "learning_rate": 3e-3,
    "batch": 15,  # an odd number: the shares of two processes overlap
    "max_length": 32,
    "serve_length": 32,
}


def without_dropout():
    """Processes drop out other values than one alone would."""
    import torch

    torch.nn.Dropout.forward = lambda self, values: values


def main(table, base, folder):
    from leeroo.training import finetune
    from leeroo.training.training import train

    without_dropout()
    whole = finetune._in_other_words

    def interrupted(corpus, rows, ids, tokenizer, settings, step):
        if step == 53:
            raise KeyboardInterrupt
        return whole(corpus, rows, ids, tokenizer, settings, step)

    finetune._in_other_words = interrupted
    try:
        train([table], folder, base=base, **SETTINGS)
    except KeyboardInterrupt:
        finetune._in_other_words = whole
    report = train([table], folder, base=base, resume=True, **SETTINGS)
    place = Path(folder) / f"process-{os.environ['RANK']}.json"
    place.write_text(json.dumps(report.to_dict()))


if __name__ == "__main__":
    main(*sys.argv[1:])
