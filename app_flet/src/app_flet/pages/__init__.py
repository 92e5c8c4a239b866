"""One module per screen. A page reads the model, renders it, and hands what a person does to the device."""
