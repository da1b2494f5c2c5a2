"""The simulated world: guests, references and network as they are at one moment of true time."""
