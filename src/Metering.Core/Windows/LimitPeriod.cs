namespace Metering.Core.Windows;

/// <summary>How long a limit's windows are.</summary>
public enum LimitPeriod
{
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,

    /// <summary>No window: what is under way at one moment.</summary>
    None,
}
