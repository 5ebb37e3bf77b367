"""The packages of the functions as they stand in the repository."""

import pytest

from scripts.local import catalog
from scripts.local.catalog import REPOSITORY
from scripts.packaging.package import Package, Packager


@pytest.fixture(scope="session")
def packages() -> dict[str, Package]:
    """By the functions' cloud names."""
    return {package.function: package for package in Packager(REPOSITORY, catalog.load()).all()}
