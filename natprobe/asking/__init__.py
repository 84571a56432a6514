"""What several probes share: how something is asked, side by side, among controls, and from which address."""
