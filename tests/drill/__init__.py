"""What the drill is made of; `make drill` itself runs all of it."""
