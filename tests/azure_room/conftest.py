"""Connections for the tests of the azure room."""

import contextlib
import os

import interposed
import pytest
from emulated import running
from tenants import settings_of, tenant

from reconciler.azure.session import connect


@pytest.fixture
def login(monkeypatch):
    """`login(environment)`: this process uses that identity and no other."""

    def use(environment):
        for name in list(os.environ):
            if name.startswith(("AZURE_", "IDENTITY_", "ACTIONS_", "MSI_")) or "proxy" in name.lower():
                monkeypatch.delenv(name)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)

    return use


@pytest.fixture
def connected(login):
    """`with connected(content) as (cloud, azure)`: a running tenant and a connection to it."""

    @contextlib.contextmanager
    def use(content=None, *scopes, **more):
        with running(tenant() if content is None else content) as cloud:
            login(cloud.env)
            with connect(settings_of(cloud, *scopes, **more), os.environ) as azure:
                yield cloud, azure

    return use


@pytest.fixture
def interrupted(login):
    """`with interrupted(content) as (door, azure)`: the same, with a door in between that can misbehave."""

    @contextlib.contextmanager
    def use(content=None, *scopes, **more):
        with running(tenant() if content is None else content) as cloud, interposed.between(cloud) as door:
            login(door.env)
            with connect(settings_of(cloud, *scopes, **more), os.environ) as azure:
                yield door, azure

    return use
