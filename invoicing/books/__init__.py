"""What the register is asked and told: claims, rows, findings, periods, retention."""
