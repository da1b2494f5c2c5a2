"""The clocks others are judged by: who agrees, what the domain says, and in which words."""
