"""What whoever operates this can watch: metrics, traces and logs. Nothing here decides anything."""
