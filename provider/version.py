"""The version of the program: the one of the distribution that it was installed or built from."""

VERSION = "0.1.0"
