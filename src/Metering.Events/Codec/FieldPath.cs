namespace Metering.Events;

/// <summary>Names the place of an error in nested records; only used once something has failed.</summary>
public static class FieldPath
{
    /// <summary>Puts the outer field's name in front of what was noted further in.</summary>
    public static void Prepend(ref string? failedField, string outer) =>
        failedField = failedField is null ? outer : outer + "." + failedField;
}
