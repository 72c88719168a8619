"""The connector engine: device bytes to readings, on plain asyncio."""
