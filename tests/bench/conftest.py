"""Puts the benchmark's own package on the path and serves its generator."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "ops" / "bench"))


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Compile the generator once into a folder of its own."""
    from msgbench import generator

    if shutil.which("cc") is None or not Path("/usr/include/openssl/ssl.h").exists():
        pytest.skip("the load generator needs a C compiler and OpenSSL's headers (Debian: gcc libssl-dev)")
    folder = tmp_path_factory.mktemp("build")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(generator.build, "__defaults__", (folder,))
        yield generator.build()
