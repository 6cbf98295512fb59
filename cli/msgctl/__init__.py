"""The administrator's command line: every command is a row in `table`, every operation stands in `msgd.admin`."""
