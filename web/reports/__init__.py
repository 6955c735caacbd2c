"""Reports: what they hold (compose), how they are written (formats), and jobs that make and send them."""
