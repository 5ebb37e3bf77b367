"""What the tests' machine has exported must not change what they do."""

import os
import subprocess
import sys

from scripts.local.catalog import REPOSITORY

EXPORTED = {
    "OPENAI_API_KEY": "sk-real",
    "OPENAI_BASE_URL": "https://models.example/v1",
    "OPENAI_MODEL": "real",
    "ANTHROPIC_API_KEY": "sk-ant-real",
    "ANTHROPIC_BASE_URL": "https://models.example",
    "MODEL_CATALOGUE": "[]",
    "RATE_CARD": "[]",
}


def test_the_tests_know_of_no_real_model() -> None:
    assert not set(EXPORTED) & set(os.environ)


def test_the_tests_know_of_no_real_model_even_if_one_is_exported() -> None:
    test = f"{__file__}::{test_the_tests_know_of_no_real_model.__name__}"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", test]
    done = subprocess.run(
        command, cwd=REPOSITORY, env=os.environ | EXPORTED, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
