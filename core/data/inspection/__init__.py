"""The report on a set before training: findings, recording quality, repairs."""
