"""Tests of the terminal client, on a scripted client and, at the end, on a real daemon."""
