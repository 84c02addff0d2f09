"""The bundled sample home: invented conversations as text files, and what makes stores of them."""
