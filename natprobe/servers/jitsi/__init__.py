"""What we know of Jitsi Meet: its settings, its services, its fixes. No I/O."""
