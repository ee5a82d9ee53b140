using System.Diagnostics;

namespace Metering.LocalBroker.Tests.Conformance.Kit;

/// <summary>Waiting for what must come, with a deadline.</summary>
internal static class Until
{
    public static async Task TrueAsync(Func<bool> condition, string what, TimeSpan? within = null)
    {
        for (var deadline = In(within ?? BrokerFixture.Patience); !condition(); await Task.Delay(25))
            deadline.Check(what);
    }

    public static async Task TrueAsync(Func<Task<bool>> condition, string what, TimeSpan? within = null)
    {
        for (var deadline = In(within ?? BrokerFixture.Patience); !await condition(); await Task.Delay(50))
            deadline.Check(what);
    }

    public static Deadline In(TimeSpan time) => new(Stopwatch.GetTimestamp(), time);

    internal readonly record struct Deadline(long Since, TimeSpan Time)
    {
        public bool IsOver => Stopwatch.GetElapsedTime(Since) > Time;

        public void Check(string what)
        {
            if (IsOver)
                throw new TimeoutException($"waited {Time.TotalSeconds} s for {what}");
        }
    }
}
