"""One query model for every question of numbers: what is asked, where it is answered from, and the answer."""
