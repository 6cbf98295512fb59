"""Typed settings: one TOML file, every key with a default and an environment variable, every error with its place."""

from msgd.config.checks import advice
from msgd.config.hosting import Admin, Drain, Listen, Log, Ops, Store
from msgd.config.kinds import Address, Secret
from msgd.config.limits import Limits
from msgd.config.loading import load
from msgd.config.policy import Auth, Calls, Messages, Presence, Registration, Turn
from msgd.config.problems import ConfigError, Problem
from msgd.config.settings import Settings, dump
from msgd.config.sources import env_name

__all__ = [
    "Address",
    "Admin",
    "Auth",
    "Calls",
    "ConfigError",
    "Drain",
    "Limits",
    "Listen",
    "Log",
    "Messages",
    "Ops",
    "Presence",
    "Problem",
    "Registration",
    "Secret",
    "Settings",
    "Store",
    "Turn",
    "advice",
    "dump",
    "env_name",
    "load",
]
