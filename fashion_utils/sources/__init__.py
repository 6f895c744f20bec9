"""Where the data come from: own folder, Keras' cache, public mirrors, the stand-in. Knows nothing of Keras."""
