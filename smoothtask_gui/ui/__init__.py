"""What is drawn: Qt widgets over the domain's frozen views; wishes leave as signals."""
