namespace Metering.Simulation.Sink;

/// <summary>Requests that are under way: each is answered, refused, lost or left lying as the seed says, in any order.
/// One that was sent by a process that died since still arrives, or does not.</summary>
internal sealed class Flights(Random random)
{
    private readonly List<Action> _all = [];

    public bool Any => _all.Count > 0;

    /// <summary>Sends a request whose answer comes when the simulation lets it arrive.</summary>
    public Task<T> SendAsync<T>(Func<T> arrive)
    {
        var answer = new TaskCompletionSource<T>();
        _all.Add(() =>
        {
            T result;
            try
            {
                result = arrive();
            }
            catch (Exception error) when (error is not World.Violation)
            {
                answer.SetException(error);
                return;
            }
            answer.SetResult(result);
        });
        return answer.Task;
    }

    /// <summary>Something that happens later, and that nobody waits for.</summary>
    public void Later(Action arrive) => _all.Add(arrive);

    public void LandOne()
    {
        var i = random.Next(_all.Count);
        var landing = _all[i];
        _all.RemoveAt(i);
        landing();
    }
}
