"""What a training of a pair network can be told, whatever the pairs are answered with."""

from __future__ import annotations

from probbound.tasks.trainable import Option

PAIR_OPTIONS = (
    Option("d_mlp", 512, "Number of neurons."),
    Option("d_model", 64, "Width of the bottleneck; 0 for none."),
    Option("weight_decay", 1.0, "Of AdamW."),
    Option("learning_rate", 5e-3, "At its height, after 50 steps; it ends at 2 % of that."),
    Option("steps", 1500, "Gradient steps."),
    Option("batch", 2048, "Pairs drawn for each step; 0 for all at every step."),
    Option("share_of_pairs", 1.0, "Of all pairs, what is learnt from."),
    Option("biased", False, "Give the neurons and the logits biases."),
    Option("stop_at", 0, "End at the first step with at least 1 and at most so many wrong pairs."),
    Option("seed", 0, "Of initial weights and batches."),
)
