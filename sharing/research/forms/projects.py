"""A project, its end, and a patient who withdraws consent."""

from django import forms


class ProjectForm(forms.Form):
    name = forms.CharField(
        label="Name",
        max_length=120,
        help_text="Such as “Lung nodules 2026”. It stands on every certificate.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    purpose = forms.CharField(
        label="What for",
        max_length=1000,
        help_text="Who asks what of these images, and by whose leave, such as the vote of an ethics board.",
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class DestroyForm(forms.Form):
    typed = forms.CharField(
        label="Type the project's name",
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class BehindForm(forms.Form):
    pseudonym = forms.CharField(
        label="Pseudonym",
        max_length=64,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "P-…"}),
    )


class WithdrawForm(forms.Form):
    study = forms.UUIDField(widget=forms.HiddenInput)
    note = forms.CharField(
        label="Note",
        required=False,
        max_length=300,
        help_text="Such as when and how the patient said so. Only your institution reads it.",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
