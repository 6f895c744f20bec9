"""What `make` calls: run the series, hand-out, learners' copy, pack, check-up, best. Nothing else imports it."""
