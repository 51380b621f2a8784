"""Write event files with TensorBoard's own writer: numbers, tensors, and what is no scalar."""

import sys

import numpy as np
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter
from tensorboard.util import tensor_util

for name in ("train", "eval/small"):
    writer = EventFileWriter(f"{sys.argv[1]}/{name}")
    for step in range(5):
        values = [
            Summary.Value(tag="loss", simple_value=1 / (step + 1)),
            Summary.Value(tag="acc/top1", tensor=tensor_util.make_tensor_proto(np.float32(step))),
            Summary.Value(tag="words", tensor=tensor_util.make_tensor_proto(["a"])),
        ]
        event = Event(
            wall_time=1_795_411_510.25 + step, step=step - 1, summary=Summary(value=values)
        )
        writer.add_event(event)
    writer.close()
