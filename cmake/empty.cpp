// A shared library needs a source of its own; all code comes from the layers.
