"""Attacks on the whole product: crashes, faults of Stripe, full disks, floods."""
