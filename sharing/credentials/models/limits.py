"""How often somebody asked within a minute."""

from django.db import models


class Asked(models.Model):
    """A count that many processes raise at once: one conditional UPDATE, never past its limit."""

    who = models.CharField(max_length=80)  # what was asked, and by which client or address
    minute = models.BigIntegerField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("who", "minute"), name="a_minute_is_counted_once"),
        )

    def __str__(self) -> str:
        return f"{self.who}: {self.count}"
