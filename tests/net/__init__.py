"""Tests of the gateway's transport."""
