"""Methods around recurrent networks: optimizers, forecasting, generative models, ..."""
