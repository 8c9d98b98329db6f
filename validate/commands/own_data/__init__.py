"""Commands on data of one's own: tables in, predictions and schedules out."""
