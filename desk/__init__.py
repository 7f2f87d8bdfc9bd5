"""What people see in a browser: the public page, the phone simulator and the staff's desk."""
