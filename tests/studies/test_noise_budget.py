"""What the study of the noise budget asks of tasks."""

from __future__ import annotations

import pytest

from probbound.machine.errors import UserError
from studies import noise_budget


def test_a_task_whose_noise_no_strategy_samples_is_refused(tmp_path):
    with pytest.raises(UserError, match="no strategy of group-product samples noise"):
        noise_budget._noise_size("group-s5", "group-product", tmp_path)
