"""What a whole photo needs beside the network: its faces found and framed, and each fill made one with its surroundings."""
