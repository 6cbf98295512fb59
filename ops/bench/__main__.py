"""Entry point: `python ops/bench relay` measures a daemon; see `--help` and README.md."""

from msgbench.main import main

if __name__ == "__main__":
    main()
