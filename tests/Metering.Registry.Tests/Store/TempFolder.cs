namespace Metering.Registry.Tests.Store;

internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("metering-registry-test-").FullName;

    public string Log => System.IO.Path.Combine(Path, "registry.log");

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
