"""What can be exempted: recommendations, policies and initiatives, shipped facts and the repository's overlay."""
