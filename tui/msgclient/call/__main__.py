"""The call engine as a program: `python -m msgclient.call`, started by the client and by nobody else."""

from .engine import main

if __name__ == "__main__":
    main()
