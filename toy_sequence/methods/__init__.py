"""Methods around recurrent networks: optimizers, forecasting, and more to come from the sources."""
