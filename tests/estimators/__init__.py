"""Exact, property and coverage tests of the estimators."""
