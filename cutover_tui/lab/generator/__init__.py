"""Random worlds whose truth is known from their state: drawn, judged by an oracle, written as world files."""
