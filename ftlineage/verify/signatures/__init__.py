"""Who vouches for a version: its signatures, judged against its card and a trust file."""
